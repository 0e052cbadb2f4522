create table claim_token (
    id text primary key,
    org text not null references resource (uid) on delete cascade,
    site text not null,
    model text not null,
    serial text not null,
    hash text not null,          -- SHA-256 of the token, hexadecimal
    uses_left bigint not null,
    expires_at bigint not null,
    created_at bigint not null,
    created_by text not null,
    revoked boolean not null
);
create index claim_token_by_org on claim_token (org, created_at);

-- Tokens of devices; two live at once, so that a device can change over.
create table device_credential (
    id text primary key,
    device text not null references resource (uid) on delete cascade,
    hash text not null,
    created_at bigint not null
);
create index device_credential_by_device on device_credential (device, created_at);

-- What is observed; never bumps a revision.
create table device_state (
    device text primary key references resource (uid) on delete cascade,
    provisioned_at bigint,
    last_seen bigint,
    uptime_seconds bigint not null,
    firmware_version text not null,
    config_version text not null,
    rssi bigint,
    free_heap bigint,
    address text not null,
    errors text not null         -- JSON list
);

create table command (
    id text primary key,
    device text not null references resource (uid) on delete cascade,
    type text not null,
    params text not null,        -- JSON object
    state text not null,         -- queued, sent, confirmed, rejected, failed, expired
    detail text not null,
    readback text not null,
    created_at bigint not null,
    created_by text not null,
    sent_at bigint,
    finished_at bigint,
    expires_at bigint not null
);
create index command_by_device on command (device, created_at);

create table device_log (
    id text primary key,         -- UUIDv7: in order of arrival
    device text not null references resource (uid) on delete cascade,
    at bigint not null,
    level bigint not null,       -- 0 debug, 1 info, 2 warning, 3 error
    message text not null
);
create index device_log_by_device on device_log (device, at, id);
