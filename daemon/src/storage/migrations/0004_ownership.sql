-- Who owns which field, and where the value comes from.
create table field_owner (
    uid text not null references resource (uid) on delete cascade,
    manager text not null,      -- applyset/NAME, person/NAME
    fields text not null,       -- JSON list of {revision, at, file, commit, fields: {path: line}}
    primary key (uid, manager)
);

-- What one source of manifests owns as a whole.
create table apply_set_member (
    apply_set text not null,
    uid text not null references resource (uid) on delete cascade,
    primary key (apply_set, uid)
);
create index apply_set_member_by_uid on apply_set_member (uid);

-- Saved plans that were applied: a second apply gives the first one's result.
create table applied_plan (
    digest text primary key,
    revision bigint not null,
    unchanged bigint not null
);

alter table change add column manager text not null default '';
alter table change add column source text not null default '';  -- commit of the version control
alter table change add column owners text;                      -- of a deletion: JSON {owners, applySets} before
create index change_by_name on change (kind, org, name, revision);
