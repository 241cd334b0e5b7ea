-- +goose Up
-- What is handled alone, since owners died, and how many have tried; and deaths are those of owners that died before they got on. A
-- wish that is being granted is noted here, too. lanes.attempt and wishes.trier stay: processes of the version before name them, and
-- work until they are replaced.
alter table lanes add attempts jsonb not null default '{}';
