-- +goose Up
-- A few rows that are written with every batch: their pages stay half empty, for HOT updates.
create table ends (
    orders    text primary key,
    placed    bigint not null,
    completed bigint not null,
    cancelled bigint not null,
    reasons   jsonb not null
) with (fillfactor = 50);

create table money (
    currency    text primary key,
    paid        bigint not null,
    refunded    bigint not null,
    settled     bigint not null,
    transferred bigint not null
) with (fillfactor = 50);

-- No index by portions: it would be written with every order, and is asked for once in a while.
create table dishes (
    sku      text primary key,
    portions bigint not null
) with (fillfactor = 50);

-- One row per minute of the day, 1,440 at most.
create table minutes (
    of_day  text primary key,
    start   timestamptz not null,
    likes   bigint not null,
    unlikes bigint not null
) with (fillfactor = 50);

create table days (
    date    text primary key,
    likes   bigint not null,
    unlikes bigint not null
) with (fillfactor = 50);
