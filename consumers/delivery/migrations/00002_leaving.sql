-- +goose Up
-- Of those on the road, how many take no more orders when they come back: a fleet may shrink meanwhile. A version that does not
-- know of it counts them as free then, and the next ones to come back leave in their place.
alter table fleets add column leaving bigint not null default 0 check (leaving >= 0);
