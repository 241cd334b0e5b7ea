-- +goose Up
create table payments (
    payment_id    text primary key,
    purpose       text not null,
    payer         text not null,
    payee         text not null,
    restaurant_id text not null,
    currency      text not null,
    amount        bigint not null,
    moved         boolean not null,
    like act including all
) with (fillfactor = 70);
create index on payments (waits_until) where waits_until is not null;
create index on payments (mark_until) where mark_until is not null;

create table accounts (
    account_id text primary key,
    owner      text not null,
    currency   text not null,
    balance    bigint not null,
    check (balance >= 0 or owner = '@outside')
) with (fillfactor = 50);
create index on accounts (owner);

create table credits (
    credit_id  text primary key,
    account_id text not null,
    currency   text not null,
    amount     bigint not null check (amount > 0)
);

-- The ledger: one row per movement, with both of its legs.
create table movements (
    payment_id   text not null,
    movement_id  bigint generated always as identity (cache 1000),
    kind         text not null,
    from_account text not null,
    from_amount  bigint not null check (from_amount < 0),
    to_account   text not null,
    to_amount    bigint not null check (to_amount > 0),
    at           timestamptz not null,
    check (from_amount + to_amount = 0),
    primary key (payment_id, movement_id)
);
