//! Who works here.
//!
//! The clusters know these users by their user id; the identity provider of the lab also knows
//! their passwords. They are printed on the login page: nothing in the lab is worth guarding.

/// Somebody with a telephone and a mailbox.
#[derive(Debug)]
pub(super) struct User {
    /// The user id on the clusters, and the `uid` of the assertion.
    pub(super) id: &'static str,
    pub(super) password: &'static str,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    /// The key by which UDS and CUMI know the user.
    pub(super) uuid: &'static str,
    pub(super) extension: &'static str,
}

impl User {
    pub(super) fn email(&self) -> String {
        format!("{}@example.test", self.id)
    }
}

/// All of them.
pub(super) const USERS: [User; 2] = [
    User {
        id: "alice",
        password: "alicepw",
        first_name: "Alice",
        last_name: "Anders",
        uuid: "5c2d1e9a-3b70-4f6e-9d41-0a6b8f3c7e11",
        extension: "1001",
    },
    User {
        id: "bob",
        password: "bobpw",
        first_name: "Bob",
        last_name: "Brandt",
        uuid: "a81f7d34-62c9-4be5-8f20-d7945e1b0c22",
        extension: "1002",
    },
];

/// The user with this id, as it is spelt.
pub(super) fn find(id: &str) -> Option<&'static User> {
    USERS.iter().find(|user| user.id == id)
}

/// The user with this id, if the password is right.
pub(super) fn with_password(id: &str, password: &str) -> Option<&'static User> {
    find(id).filter(|user| user.password == password)
}
