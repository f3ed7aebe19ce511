-- SPDX-License-Identifier: Apache-2.0
--
-- Which pod has which volume on which node. A volume for one node is attached in
-- the transaction that looks for another one's row: that makes it a lease.

create table attachment (
  volume text not null,
  node text not null,
  pod_namespace text not null,
  pod text not null,
  pod_uid text not null,
  since text not null default (datetime('now')),
  primary key (volume, pod_uid)
) strict;
create index attachment_of_pod on attachment (pod_uid);
