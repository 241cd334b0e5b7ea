-- +goose Up
create table tickets (
    order_id      text primary key,
    restaurant_id text not null,
    like act including all
) with (fillfactor = 70);
create index on tickets (waits_until) where waits_until is not null;
create index on tickets (mark_until) where mark_until is not null;

create table rooms (
    restaurant_id text primary key,
    name          text not null,
    city          text not null,
    places        bigint not null,
    free          bigint not null check (free >= 0),
    busy          bigint not null check (busy >= 0),
    check (free + busy = places)
) with (fillfactor = 50);
