-- +goose Up
-- The columns in which a document keeps its act: a group's migration takes them with "like act including all".
create table act (
    state       text not null default '',
    pivoted     boolean not null default false,
    late        boolean not null default false,
    waiting     text not null default '',
    waits_until timestamptz,
    heard       text not null default '',
    mark_until  timestamptz,
    marked_by   text not null default '',
    lane        bigint not null default 0,
    started     timestamptz,
    trace       text not null default ''
);

-- One row per lane. All its columns change with every batch, so pages stay half empty for HOT updates, and what TOAST
-- holds (outboxes, mostly) is vacuumed often.
create table lanes (
    lane       int primary key,
    partitions int not null,
    epoch      bigint not null,
    offsets    jsonb not null,
    numbers    jsonb not null,
    marks      jsonb not null,
    strangers  jsonb not null,
    gaps       bigint not null default 0,
    outbox     bytea not null,
    owner      text not null default '', -- the process that claimed it; empty once that has let go of it
    deaths     int not null default 0,   -- how many owners in a row died without handling anything
    attempt    jsonb                     -- the event that is being handled alone, since owners died
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, toast.autovacuum_vacuum_threshold = 100, toast.autovacuum_vacuum_scale_factor = 0.05);
alter table lanes alter outbox set storage external;

-- Events that can't be handled, and those of the same key behind them, in order.
create table parked (
    position      bigint generated always as identity primary key,
    lane          int not null,
    key           text not null,
    type          text not null,
    topic         text not null,
    record_offset bigint not null,
    record        bytea not null,
    reason        text not null, -- empty: it waits behind another
    parked_at     timestamptz not null,
    attempts      int not null default 1
);
create index on parked (lane, key, position);

-- Effects that were requested and have not come to an outcome.
create table effects (
    id           text primary key, -- its idempotency key
    lane         int not null,
    key          text not null,
    effect       text not null,
    request      jsonb not null,
    cause        jsonb not null,   -- the envelope of the event that requested it
    until        timestamptz not null,
    attempts     int not null default 0,
    next_attempt timestamptz not null,
    failure      text not null default ''
);
create index on effects (next_attempt);

-- What a person wants to be done with parked keys; the owner of the lane does it.
create table wishes (
    lane     int not null,
    key      text not null,
    wish     text not null check (wish in ('redrive', 'discard')),
    asked_at timestamptz not null default now(),
    primary key (lane, key)
);
