-- +goose Up
-- A post's count is a sum of parts, so that no two processes write one row. What was counted before is one more part, which
-- nobody changes any more. An older version that still runs finds no table, and waits until it is replaced.
lock table posts in access exclusive mode;
create table counts (
    post_id text not null,
    shard   integer not null,
    count   bigint not null, -- also below zero: what one part counted, another may take back
    version bigint not null check (version >= abs(count)),
    primary key (post_id, shard)
) with (fillfactor = 50);
insert into counts (post_id, shard, count, version) select post_id, -1, count, version from posts;
drop table posts;
