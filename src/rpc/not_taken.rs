//! Why an address that was brought by hand is not taken: the part of `refusal`'s table that is
//! about `CompleteLogin` alone.
//!
//! Nothing of the address is in it. Called by `refusal`.

use tonic::Code;

use crate::{broker::ports::NotTaken, domain::ClusterName};

pub(super) const fn code(why: &NotTaken) -> Code {
    match why {
        NotTaken::NotPending => Code::FailedPrecondition,
        NotTaken::WrongTicket => Code::PermissionDenied,
        NotTaken::NotTheRedirect { .. } | NotTaken::NoAnswer { .. } => Code::InvalidArgument,
    }
}

pub(super) const fn reason(why: &NotTaken) -> &'static str {
    match why {
        NotTaken::NotPending => "LOGIN_NOT_PENDING",
        NotTaken::WrongTicket => "TICKET_REFUSED",
        NotTaken::NotTheRedirect { .. } => "NOT_THE_REDIRECT",
        NotTaken::NoAnswer { .. } => "NO_ANSWER",
    }
}

pub(super) fn sentence(name: &ClusterName, why: &NotTaken) -> String {
    match why {
        NotTaken::NotPending => format!("this login to `{name}` does not wait for an address"),
        NotTaken::WrongTicket => format!("the start page is not that of this login to `{name}`"),
        NotTaken::NotTheRedirect { beginnings } => {
            let quoted: Vec<_> = beginnings.iter().map(|text| format!("`{text}`")).collect();
            format!("the address does not begin with {}", quoted.join(" or "))
        }
        NotTaken::NoAnswer { flaw } => format!("the address does not answer this login: {flaw}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::refusal::Refusal, *};
    use tonic::Status;
    use tonic_types::StatusExt as _;

    #[test]
    fn every_reason_has_its_code_and_sentence() {
        let beginnings = vec!["http://127.0.0.1:27443/cb/hq".to_owned()];
        for (why, code, reason, part) in [
            (NotTaken::NotPending, Code::FailedPrecondition, "LOGIN_NOT_PENDING", "`hq`"),
            (NotTaken::WrongTicket, Code::PermissionDenied, "TICKET_REFUSED", "start page"),
            (
                NotTaken::NotTheRedirect { beginnings },
                Code::InvalidArgument,
                "NOT_THE_REDIRECT",
                "with `http://127.0.0.1:27443/cb/hq`",
            ),
            (
                NotTaken::NoAnswer { flaw: "it is empty".into() },
                Code::InvalidArgument,
                "NO_ANSWER",
                "does not answer this login: it is empty",
            ),
        ] {
            let status = Status::from(Refusal::NotTaken("hq".parse().unwrap(), why));

            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((status.code(), &*info.reason), (code, reason));
            assert_eq!(info.metadata["cluster"], "hq");
            assert!(status.message().contains(part), "{}", status.message());
        }
    }
}
