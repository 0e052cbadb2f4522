-- Who did what, or was refused it: a chain for each organization, and one for the platform (org is empty). Each hash is
-- made of the one before it and of the row.
create table audit_event (
    org text not null,
    seq bigint not null,
    at bigint not null,
    actor text not null,
    verb text not null,
    object text not null,
    outcome text not null,        -- done, denied, failed
    detail text not null,         -- JSON object
    address text not null,
    request_id text not null,
    hash text not null,           -- BLAKE3, hexadecimal
    primary key (org, seq)
);
create index audit_event_by_time on audit_event (org, at);

-- The end of each chain.
create table audit_head (
    org text primary key,
    seq bigint not null,
    hash text not null
);
