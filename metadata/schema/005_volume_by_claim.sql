-- SPDX-License-Identifier: Apache-2.0
--
-- Volumes are looked up by the claim that they name, and those that name none.

create index volume_by_claim on volume (claim, claim_namespace);
