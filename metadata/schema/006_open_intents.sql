-- SPDX-License-Identifier: Apache-2.0
--
-- Open intents are looked up by their volume, and by the claim that they are for.

create index intent_of_volume on intent (volume) where outcome is null;
create index intent_of_claim on intent (
  json_extract(detail, '$.claimName'), json_extract(detail, '$.claimNamespace'))
  where outcome is null;
