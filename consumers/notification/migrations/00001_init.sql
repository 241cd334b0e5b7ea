-- +goose Up
create table matters (
    about       text primary key,
    customer_id text not null,
    payee_id    text not null,
    like act including all
) with (fillfactor = 70);
create index on matters (waits_until) where waits_until is not null;

-- Messages as their readers find them. An idempotency key is a UUIDv7 of the time of its cause, so that its order, byte by
-- byte, is that of time: one index keeps each message once, and gives the newest of a customer.
create table mailbox (
    customer_id     text collate "C" not null,
    notification_id text collate "C" not null,
    kind            text not null,
    about           text not null,
    subject         text not null,
    text            text not null,
    at              timestamptz not null,
    primary key (customer_id, notification_id)
);
