"""DICOM message exchange (PS3.7) with modalities and PACS."""
