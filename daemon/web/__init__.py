"""DICOMweb (PS3.18): thoraxd as the user agent of an origin server."""
