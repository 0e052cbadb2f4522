-- The catalogue: what a series is, by the small number that readings carry.
create table series (
    id bigint primary key,
    org text not null,     -- uid of the organization
    device text not null,  -- uid of the device
    sensor text not null,
    source text not null,
    unit text not null,
    unique (device, sensor, source)
);
