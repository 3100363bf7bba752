//! Whose tokens a cluster gives.
//!
//! A name is the configured user's if it differs in nothing but case, or if Unity Connection has it
//! as the alias. More than one spelling may do that, and only one of them is the right one: the
//! first that the cluster confirmed. A later daemon goes on with it. Called by `mod`.

use std::sync::OnceLock;

/// The name that the cluster confirmed first.
#[derive(Debug, Default)]
pub(super) struct Owner(OnceLock<String>);

/// Another name than the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    /// The first.
    pub first: String,
    /// The other.
    pub actual: String,
}

impl Owner {
    /// Whoever was confirmed in an earlier life.
    pub(super) fn known(name: Option<String>) -> Self {
        Self(name.map_or_else(OnceLock::new, OnceLock::from))
    }

    /// The name that the cluster confirmed first, if it has confirmed one.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Holds a name against the first. Where the cluster vouched without a name, it is the one that
    /// is known, or else `configured`, which is not taken for confirmed.
    pub(super) fn admit(
        &self,
        named: Option<String>,
        configured: &str,
    ) -> Result<String, Stranger> {
        let Some(actual) = named else {
            return Ok(self.0.get().map_or(configured, String::as_str).to_owned());
        };
        let first = self.0.get_or_init(|| actual.clone());
        if *first == actual { Ok(actual) } else { Err(Stranger { first: first.clone(), actual }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(owner: &Owner, named: &str) -> Result<String, Stranger> {
        owner.admit(Some(named.to_owned()), "alice")
    }

    #[test]
    fn the_first_confirmed_name_is_the_only_one() {
        let owner = Owner::default();

        assert_eq!(admit(&owner, "Alice"), Ok("Alice".into()));
        assert_eq!(admit(&owner, "Alice"), Ok("Alice".into()));

        let stranger = Stranger { first: "Alice".into(), actual: "ALICE".into() };
        assert_eq!(admit(&owner, "ALICE"), Err(stranger));
        assert_eq!(admit(&owner, "Alice"), Ok("Alice".into()), "nothing changed");
    }

    #[test]
    fn a_name_of_an_earlier_life_is_as_good_as_one_of_this() {
        let owner = Owner::known(Some("Alice".into()));

        assert_eq!(owner.first(), Some("Alice"));
        assert!(admit(&owner, "ALICE").is_err());
        assert_eq!(Owner::known(None).first(), None);
        assert_eq!(admit(&Owner::known(None), "ALICE"), Ok("ALICE".into()));
    }

    #[test]
    fn a_token_without_a_name_is_of_the_user_that_is_known() {
        let owner = Owner::default();

        assert_eq!(owner.admit(None, "alice"), Ok("alice".into()));
        assert_eq!(admit(&owner, "Alice"), Ok("Alice".into()), "not taken as said");
        assert_eq!(owner.admit(None, "alice"), Ok("Alice".into()));
    }
}
