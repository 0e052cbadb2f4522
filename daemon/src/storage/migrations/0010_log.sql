-- What happened that whoever runs the fleet wants to know: a log for each organization, and one of the platform (org is
-- empty). Device and site are there by uid, and by the name that they had.
create table log_entry (
    org text not null,
    seq bigint not null,
    at bigint not null,
    level bigint not null,       -- 1 info, 2 warning, 3 error, 4 help
    actor text not null,
    action text not null,
    message text not null,
    details text not null,       -- JSON object
    address text not null,
    device text not null,
    device_name text not null,
    site text not null,
    site_name text not null,
    topic text not null,
    count bigint not null,
    primary key (org, seq)
);
create index log_entry_by_time on log_entry (at);
create index log_entry_by_topic on log_entry (org, topic, at);

-- The end of each log.
create table log_head (
    org text primary key,
    seq bigint not null
);

-- Devices that send heartbeats, and whether it was told that one does not.
alter table device_state add column beat_at bigint;
alter table device_state add column silent boolean not null default false;

-- That a certificate is near its end is told once.
alter table device_certificate add column ending_told boolean not null default false;

-- Which secrets a device was last served, as a digest of their names and the configuration: told once for each.
create table secrets_served (
    device text not null references resource (uid) on delete cascade,
    reader text not null,
    digest text not null,
    primary key (device, reader)
);
