-- One row: the position of the last write. It is taken inside each writing transaction,
-- so that the order of commits is the order of revisions.
create table revision (value bigint not null);
insert into revision (value) values (0);

create table resource (
    uid text primary key,
    kind text not null,
    org text not null,          -- uid of the organization; empty for kinds of the platform
    name text not null,
    generation bigint not null,
    revision bigint not null,
    labels text not null,       -- JSON object
    annotations text not null,  -- JSON object
    protect boolean not null,
    spec text not null,         -- JSON in manifest form
    created_at bigint not null,
    created_by text not null,
    updated_at bigint not null,
    updated_by text not null,
    unique (kind, org, name)
);
create index resource_by_org on resource (org, kind, name);

create table resource_label (
    uid text not null references resource (uid) on delete cascade,
    key text not null,
    value text not null,
    primary key (uid, key)
);
create index resource_label_by_value on resource_label (key, value, uid);

-- Who refers to what, by name: objects that refer to each other may arrive in one transaction.
create table resource_ref (
    uid text not null references resource (uid) on delete cascade,
    path text not null,
    org text not null,
    target_kind text not null,
    target_name text not null,
    on_delete bigint not null,  -- 0 restrict, 1 cascade, 2 clear
    primary key (uid, path)
);
create index resource_ref_by_target on resource_ref (org, target_kind, target_name);

create table resource_unique (
    scope text not null,        -- uid of the organization; empty over the platform
    kind text not null,
    field text not null,
    value text not null,
    uid text not null references resource (uid) on delete cascade,
    primary key (scope, kind, field, value)
);
create index resource_unique_by_uid on resource_unique (uid);

-- At once the watch log, the history and the audit trail of resources.
create table change (
    revision bigint not null,
    seq bigint not null,        -- order within the transaction
    uid text not null,
    kind text not null,
    org text not null,
    name text not null,
    verb text not null,         -- create, update, delete
    actor text not null,
    at bigint not null,
    before text,                -- JSON of the whole resource, manifest form with metadata
    after text,
    primary key (revision, seq)
);
create index change_by_uid on change (uid, revision);

create table meta (
    key text primary key,
    value text not null
);
