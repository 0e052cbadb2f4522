-- Tokens with which programs call fleetd, as hashes.
create table api_token (
    id text primary key,
    org text not null,            -- uid of the organization; empty: every one
    name text not null,
    scopes text not null,         -- JSON list of verb:noun
    sites text not null,          -- JSON list; empty: everywhere
    hash text not null,           -- SHA-256 of the token, hexadecimal
    maker text not null,          -- uid of the User whose permissions bound it; empty: nobody's
    created_at bigint not null,
    created_by text not null,
    expires_at bigint not null,
    revoked boolean not null,
    last_used_at bigint
);
create index api_token_by_org on api_token (org, created_at);
create index change_of_access on change (revision) where kind in ('organization', 'user', 'role', 'site', 'role-binding');
