//! How Cisco speaks: from a cluster's nodes to a verified token. Implements `Login`.
