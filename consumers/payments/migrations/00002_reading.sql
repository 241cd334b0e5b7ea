-- +goose Up
alter table payments add column reason text not null default '';

-- What a person's account has moved, the latest first: one entry for each leg that anybody may ask for, and none for those
-- of the house, of which there is one in every movement of an order. They cost what the primary key did, which nobody
-- reads by: rows are only ever added, and movement_id only orders those of one moment.
alter table movements drop constraint movements_pkey;
create index on movements (from_account, at) where from_account not like '@%';
create index on movements (to_account, at) where to_account not like '@%';
