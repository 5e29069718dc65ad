"""The same DICOMweb requests to thoraxd and to Orthanc's plug-in, answer by answer."""
