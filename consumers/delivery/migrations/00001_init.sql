-- +goose Up
create table trips (
    order_id text primary key,
    city     text not null,
    like act including all
) with (fillfactor = 70);
create index on trips (waits_until) where waits_until is not null;
create index on trips (mark_until) where mark_until is not null;

create table fleets (
    city        text primary key,
    couriers    bigint not null,
    free        bigint not null check (free >= 0),
    on_the_road bigint not null check (on_the_road >= 0),
    check (free + on_the_road = couriers)
) with (fillfactor = 50);
