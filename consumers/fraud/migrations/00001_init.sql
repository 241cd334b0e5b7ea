-- +goose Up
create table cases (
    payment_id text primary key,
    like act including all
) with (fillfactor = 70);
create index on cases (waits_until) where waits_until is not null;
create index on cases (mark_until) where mark_until is not null;

create table payers (
    account_id text primary key,
    blocked    boolean not null,
    minute     bigint not null,
    payments   bigint not null check (payments >= 0)
) with (fillfactor = 50);
