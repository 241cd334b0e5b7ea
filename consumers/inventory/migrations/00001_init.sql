-- +goose Up
create table reservations (
    order_id text primary key,
    items    jsonb not null,
    like act including all
) with (fillfactor = 70);
create index on reservations (waits_until) where waits_until is not null;
create index on reservations (mark_until) where mark_until is not null;

create table dishes (
    sku           text primary key,
    restaurant_id text not null,
    name          text not null,
    currency      text not null,
    price         bigint not null,
    free          bigint not null check (free >= 0),
    held          bigint not null check (held >= 0),
    sold          bigint not null check (sold >= 0),
    delivered     bigint not null,
    check (free + held + sold = delivered)
) with (fillfactor = 50);
create index on dishes (restaurant_id);

create table deliveries (
    delivery_id text primary key,
    sku         text not null,
    quantity    bigint not null check (quantity > 0)
);
