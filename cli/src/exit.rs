//! Exit codes: each means one thing.

macro_rules! exits {
    ($($name:ident = $code:literal, $text:literal;)+) => {
        /// How a command ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit { $(#[doc = $text] $name = $code,)+ }
        /// Every code with its meaning.
        pub const EXITS: &[(Exit, &str)] = &[$((Exit::$name, $text),)+];
    };
}

exits! {
    Ok = 0, "done";
    Failure = 1, "failed for a reason that no other code names";
    Usage = 2, "the command line is wrong";
    Invalid = 3, "the input is invalid; nothing was changed";
    NotLoggedIn = 4, "the caller is not known";
    Denied = 5, "the caller may not do this";
    NotFound = 6, "it does not exist";
    Conflict = 7, "somebody else changed it, or a plan is stale";
    Unavailable = 8, "fleetd is not reachable or busy; repeat later";
    TimedOut = 9, "no answer in time";
    ChangesPending = 10, "there are changes (with --exit-code)";
    DestructivePending = 11, "there are destructive changes (with --exit-code)";
    Drift = 12, "the fleet has drifted from what is wanted";
    Negative = 13, "a verdict is negative";
    Partial = 14, "a bulk action was done in part";
    Guarded = 15, "a guard refused: limit, protection, reference";
    NeedsConfirmation = 16, "a destructive act needs --yes here; nothing was done";
    Interrupted = 130, "interrupted with Ctrl-C";
    Terminated = 143, "terminated";
}
