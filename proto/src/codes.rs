//! The stable codes of everything that a user can be told is wrong.

/// A code with its help page.
#[derive(Debug)]
pub struct Code {
    /// `FLT-NNNN`.
    pub code: &'static str,
    /// What it means, in a few words.
    pub title: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $help:literal;)+) => {
        $(#[doc = $title] pub const $name: &str = $code;)+
        /// Every code, in order.
        pub const CODES: &[Code] = &[$(Code { code: $code, title: $title, help: $help },)+];
    };
}

codes! {
    USAGE = "FLT-1001", "the command line is wrong", "Look at `fleetctl COMMAND --help`.";
    CONFIRM = "FLT-1002", "a destructive command needs a confirmation", "Off a terminal nobody can be asked: repeat the command with `--yes`.";
    INTERRUPTED = "FLT-1003", "the command was ended from outside", "The message says whether something may have been changed; look with `get` before repeating.";
    OUTPUT = "FLT-1004", "standard output could not be written", "Look at the disk and the file that the output goes to; what was changed stays changed.";
    UNREADABLE = "FLT-1005", "a file or directory cannot be read", "Look at the path and its permissions.";
    KEYRING = "FLT-1006", "the keyring of the operating system cannot be used", "Unlock it, or keep sessions in a file with `--session-store file`.";
    CONNECT = "FLT-2001", "fleetd cannot be reached", "Start fleetd, or name it with `--server` or FLEETCTL_SERVER: its socket, unix:///path/to/fleetd.sock, which only its own user and root may use, or its gRPC listener, https://HOST:PORT, with its CA in `--ca`.";
    DENIED = "FLT-2002", "the caller may not do this", "Ask an administrator of the organization for the permission that the message names.";
    TIMEOUT = "FLT-2003", "no answer in time", "Repeat the command, with a longer `--timeout` where the work is large. A change may have been committed: look with `get` before repeating.";
    OVERLOADED = "FLT-2004", "fleetd is busy", "Repeat the command after the time that the message names.";
    INTERNAL = "FLT-2005", "fleetd failed", "The cause stands in fleetd's log at the time of the call.";
    LOGIN = "FLT-2006", "the caller is not known", "Give the token that belongs to this fleetd with `--token-file` or FLEETCTL_TOKEN.";
    NOT_CONVERGED = "FLT-2007", "a change is committed, and devices do not run it yet", "`fleetctl drift` names the devices and what they run; the change itself needs no repeat.";
    NOT_MET = "FLT-2008", "what was waited for did not come true in time", "The message says what was seen last and how old it is. Repeat with a longer `--timeout`, or look at what keeps it from coming true.";
    UNKNOWN_FIELD = "FLT-3001", "a field or key is unknown", "Look at the name that is suggested, or at the fields that are listed.";
    WRONG_TYPE = "FLT-3002", "a value has the wrong type", "Text that looks like a number, a truth value or nothing is written in quotes; numbers and truth values without.";
    OUT_OF_RANGE = "FLT-3003", "a value is outside its range, length or pattern", "The message names the limits.";
    MISSING_FIELD = "FLT-3004", "a required field is missing", "Add the field.";
    DUPLICATE_ENTRY = "FLT-3005", "two elements of a list have the same name", "Give each its own name.";
    UNKNOWN_VALUE = "FLT-3006", "a word is not one of those that the field knows", "The message lists the words.";
    SYNTAX = "FLT-3010", "a file is not valid YAML", "Look at the line before the place, too: most often indentation or a quote is wrong.";
    DUPLICATE_KEY = "FLT-3011", "a key stands in a map twice", "Remove one of them.";
    NO_ALIASES = "FLT-3012", "anchors, aliases and merge keys are not allowed in manifests", "Write the value out at each place.";
    TOO_LARGE = "FLT-3013", "a file or bundle is too large", "A file holds at most 16 MiB, a bundle 256 MiB: split it.";
    UNKNOWN_KIND = "FLT-3014", "a kind is unknown", "`fleetctl help kinds` lists the kinds.";
    API_VERSION = "FLT-3015", "apiVersion is missing or unknown", "Write `apiVersion: fleet/v1`.";
    NAME = "FLT-3016", "a name is not valid", "A name is 1 to 128 of letters, digits, `.`, `_`, `-`, begins with a letter or digit, and does not read as a UUID.";
    LABEL = "FLT-3017", "a label or annotation is not valid", "The message names the limits.";
    ORG = "FLT-3018", "the organization is missing, unknown, or not the one that was named", "Set `metadata.org`, or name the organization with `--org`; both must agree.";
    SERVER_FIELD = "FLT-3019", "a field that only fleetd writes stands in a manifest", "Remove it; `fleetctl export` writes manifests without it.";
    MISSING_REFERENCE = "FLT-3020", "what a field refers to does not exist", "Create it, or add its manifest to the bundle.";
    NOT_UNIQUE = "FLT-3021", "a value that must be unique is taken", "Choose another value, or change the other resource first.";
    IMMUTABLE = "FLT-3022", "a field may not change after creation", "Create a new resource and delete the old one.";
    CYCLE = "FLT-3023", "resources would be their own ancestors", "Choose a parent that is not below the resource.";
    TWICE = "FLT-3024", "a resource is in the bundle twice", "Remove one of the manifests.";
    SEMANTIC = "FLT-3030", "the fields contradict each other", "The message says what must hold.";
    NO_TAGS = "FLT-3031", "tags and directives are not allowed in manifests", "Write the value plainly; text that looks like a number is written in quotes.";
    OVERLAY = "FLT-3032", "an overlay does not lie over exactly one manifest", "An overlay names a manifest of the project by `kind` and `metadata.name`, and by `metadata.org` where several have that name.";
    COMPOSED = "FLT-3033", "what stands for a template or secret is not well formed", "Write `{fromTemplate: NAME, values: {...}}` or `{secretRef: NAME}`, and nothing else in that map.";
    TEMPLATE = "FLT-3034", "a value does not satisfy the schema of its template", "`fleetctl get template/NAME -o yaml` shows the schema; `fleetctl template render NAME` tries values.";
    PLAIN_SECRET = "FLT-3035", "a secret stands in a manifest, or cannot be read", "Write `{fromEnv: VARIABLE}` or `{fromFile: PATH}`: the text never stands in a manifest.";
    NOT_FOUND = "FLT-4004", "it does not exist", "Look with `fleetctl get KIND`; names are case-sensitive, and belong to one organization.";
    CONFLICT = "FLT-4009", "somebody else changed it since it was read", "Read it again, and repeat the change.";
    IN_USE = "FLT-4010", "it is still referred to", "Delete the resources that the message names first, or in the same command.";
    PROTECTED = "FLT-4011", "it is protected", "Apply it with `metadata.protect: false` first.";
    LIMIT = "FLT-4012", "a limit is reached", "The message names the limit and who sets it.";
    OWNED = "FLT-4014", "a field belongs to another manager", "Agree with its owner; take the field with `--take`, or leave it with `--yield` or a rule under `ownership:` in fleetctl.yaml.";
    STALE = "FLT-4015", "a saved plan is stale", "Somebody changed what the plan touches: make a new plan and look at it again.";
    GUARDED = "FLT-4016", "a guard refuses", "The message names the guard and how to pass it.";
    MANY_DELETIONS = "FLT-4017", "more would be deleted than may be", "Look at the plan. If the deletions are meant, repeat with `--max-delete COUNT`.";
    EMPTY = "FLT-4018", "nothing is submitted, so everything would be deleted", "Look at the paths. To end an apply set, delete its resources by name.";
    DISK_FULL = "FLT-4013", "the disk is full", "Free space where fleetd keeps its data. Reads and deletes go on.";
}

/// The code's row.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code.eq_ignore_ascii_case(code))
}
