"""Real viewers driven headless: OHIF in Chromium and DICOMscope under Xvfb. See README.md."""
