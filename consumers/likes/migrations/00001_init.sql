-- +goose Up
-- A user's latest word on a post. like_id is post/user (ids have no slash), so that a post's likes are neighbours.
create table likes (
    like_id     text primary key,
    liked       boolean not null,
    accepted_at timestamptz not null,
    event_id    text not null
);

create table posts (
    post_id text primary key,
    count   bigint not null check (count >= 0),
    version bigint not null check (version >= count)
) with (fillfactor = 50);
