-- The authority that issues the certificates of devices.
create table device_authority (
    generation bigint primary key, -- 1; a later authority takes the next number
    uid text not null,             -- associated data of the sealed key
    certificate text not null,     -- PEM
    private_key text not null,     -- PEM, sealed
    created_at bigint not null
);

-- Which device a public key belongs to: one, over all organizations.
create table device_key (
    id text primary key,           -- SHA-256 of the SubjectPublicKeyInfo, hexadecimal
    device text not null references resource (uid) on delete cascade
);
create index device_key_by_device on device_key (device);

create table device_certificate (
    serial text primary key,       -- 32 hexadecimal digits
    device text not null references resource (uid) on delete cascade,
    org text not null,             -- uid
    key_id text not null,          -- as in device_key
    pem text not null,
    not_before bigint not null,
    not_after bigint not null,
    issued_at bigint not null,
    issued_by text not null,
    revoked_at bigint,
    revoked_by text
);
create index device_certificate_by_device on device_certificate (device, issued_at);

-- Who made a token of a device; empty: not known.
alter table device_credential add column created_by text not null default '';
