-- +goose Up
create table orders (
    order_id      text primary key,
    customer_id   text not null,
    restaurant_id text not null,
    items         jsonb not null,
    currency      text not null,
    total         bigint not null,
    ending        text not null, -- completed or cancelled, once it has ended
    reason        text not null,
    placed_at     timestamptz,
    like act including all
) with (fillfactor = 50);
create index on orders (waits_until) where waits_until is not null;
create index on orders (mark_until) where mark_until is not null;

-- No primary key: it would double the price of the rows that are written most. line_id only orders lines of one moment.
create table timeline (
    order_id text not null,
    line_id  bigint generated always as identity (cache 1000),
    type     text not null,
    said_by  text not null,
    reason   text not null,
    at       timestamptz not null
);
create index on timeline (order_id);
