-- +goose Up
-- How much a post has gained lately: see gains.go. What was counted before was gained before. An index of the hour, for it changes once
-- an hour: updates between stay HOT.
alter table counts
    add gains_5m  text   not null default '',
    add gains_1h  text   not null default '',
    add last_hour bigint not null default 0;
create index on counts (last_hour);
