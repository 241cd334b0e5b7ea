-- +goose Up
-- Whose schema it is, in one row: installations may share a cluster, each with topics of its own, but never lanes, for offsets, epochs and
-- numbers are those of one installation's topics.
create table installation (topic_prefix text not null);
