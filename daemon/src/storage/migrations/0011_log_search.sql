-- Message and details in lower case, by one rule on both engines. Of older entries SQLite lowers ASCII only.
alter table log_entry add column searched text not null default '';
update log_entry set searched = lower(message || ' ' || details);

-- Whether fleetd wrote it by itself: what people and devices write has a bound of its own.
alter table log_entry add column own boolean not null default true;
update log_entry set own = (actor = 'fleetd');
create index log_entry_by_writer on log_entry (org, own, seq);
