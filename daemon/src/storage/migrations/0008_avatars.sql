-- Pictures that people have set of themselves.
create table avatar (
    user_uid text primary key references resource (uid) on delete cascade,
    media_type text not null,     -- image/png, image/jpeg, image/webp
    content text not null,        -- base64
    changed_at bigint not null
);
