-- What an organization changed last is found without walking through what others did.
create index change_by_org on change (org, revision);
