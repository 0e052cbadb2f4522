create table password (
    user_uid text primary key references resource (uid) on delete cascade,
    hash text not null,           -- PHC string, argon2id
    changed_at bigint not null
);

-- A login, and what became of it. Its refresh token is rotated on use; the one before it counts until the new one is used.
create table session (
    id text primary key,
    user_uid text not null references resource (uid) on delete cascade,
    org text not null,            -- uid of the only organization that it reaches; empty: as many as its user
    current text not null,        -- SHA-256 of the refresh token
    previous text not null,       -- of the one before it; empty: there was none
    created_at bigint not null,
    last_used_at bigint not null,
    expires_at bigint not null,
    address text not null,
    agent text not null,
    revoked boolean not null
);
create index session_by_user on session (user_uid, created_at);

-- Refresh tokens that were used up: whoever shows one of them has stolen it, or was stolen from.
create table session_used (
    hash text primary key,
    session text not null references session (id) on delete cascade
);
create index session_used_by_session on session_used (session);

-- Keys that sign access tokens, sealed.
create table signing_key (
    id text primary key,
    seed text not null,
    created_at bigint not null,
    retires_at bigint             -- none: it signs
);

-- What a person gets into fleetd with once: to choose a new password, or to accept an invitation.
create table login_code (
    id text primary key,
    kind text not null,           -- reset, invite
    hash text not null,
    subject text not null,        -- uid of the User; mail address of an invited person
    org text not null,            -- uid; of an invitation
    role text not null,
    sites text not null,          -- JSON list; empty: all sites
    maker text not null,          -- uid of the User who made it; empty: nobody's rights bound it
    created_at bigint not null,
    created_by text not null,
    expires_at bigint not null,
    used boolean not null,
    session text not null         -- that drew a login code; empty: none did
);
