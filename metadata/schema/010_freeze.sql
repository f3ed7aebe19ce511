-- SPDX-License-Identifier: Apache-2.0
--
-- For how many seconds at most the nodes of a volume hold writes back while it is copied
-- for a snapshot; 0 = they do not.

alter table copy add column freeze_s integer not null default 0;
