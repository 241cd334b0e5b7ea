-- +goose Up
-- Of the busy places, those that are none any more once they are left: a kitchen may shrink while it cooks. A version that does
-- not know of it gives such a place back as a free one, and the next ones to be left close in its place.
alter table rooms add column closing bigint not null default 0 check (closing >= 0);
