"""HL7 v2 over MLLP: results out (ORU), orders in (ORM, OMG, OMI)."""
