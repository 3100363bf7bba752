//! A UC estate in a box: nodes, an identity provider, UDS and CUMI.
