-- +goose Up
-- The process that has begun to grant a wish. If it is gone, it may have died of that.
alter table wishes add trier text not null default '';
