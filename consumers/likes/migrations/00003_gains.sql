-- +goose Up
-- What a part gained lately (gains.go says how). Of what was counted before, it is not known when. No row is written anew for this, and
-- a version that does not know of it counts on beside it: what that counts is missing in the gains alone.
alter table counts
    add column slot    integer not null default 0,  -- the latest five minutes in which the part changed, since 1970
    add column gained  bigint  not null default 0,  -- in that slot
    add column earlier text    not null default ''; -- "age:gained age:gained", ages in slots before it
-- It changes once in five minutes, so the updates in between touch no index.
create index counts_slot on counts (slot);
