-- +goose Up
create table tasks (
    order_id      text primary key,
    restaurant_id text not null,
    like act including all
) with (fillfactor = 70);
create index on tasks (waits_until) where waits_until is not null;
create index on tasks (mark_until) where mark_until is not null;
