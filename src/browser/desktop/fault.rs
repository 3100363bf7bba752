//! Why a service of the desktop was of no use, in words that quote nobody.

/// Why a service of the desktop was of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no bus, or it is gone.
    #[error("there is no message bus to reach it on")]
    NoBus,
    /// Nobody offers the service.
    #[error("it is not there")]
    Absent,
    /// A call was not answered in time.
    #[error("it does not answer")]
    Silent,
    /// The service went away while something was expected of it.
    #[error("it went away")]
    Gone,
    /// The service answered with an error.
    #[error("it answered with the error `{name}`")]
    Refused {
        /// The D-Bus name of the error. The text that comes with it is not kept: it may quote
        /// what was asked.
        name: String,
    },
    /// The service did what it was asked, and it came to nothing.
    #[error("it tried and failed")]
    Failed,
    /// An answer is not of the form that the interface says.
    #[error("its answer is not understood")]
    Garbled,
}
