-- SPDX-License-Identifier: Apache-2.0
--
-- What became of an object, who did it, and when; rows are only ever added, and the
-- oldest go. An object that was made anew under the same name has another uid.
--
--   sqlite3 claimfs.db "select at, who, what, detail from history
--     where kind = 'PersistentVolumeClaim' and name = 'data' order by id"

create table history (
  id integer primary key autoincrement,
  at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  kind text not null,
  namespace text not null, -- '' for kinds without
  name text not null,
  uid text not null, -- '' where it is not known
  who text not null,
  what text not null,
  detail text not null
) strict;
create index history_of on history (kind, namespace, name, id);
