#!/bin/sh
# Installs the real programs that the tests talk to, where that is possible: as root on Debian or Ubuntu.
# Elsewhere it says what is missing and ends well: the tests that need it are skipped, each with its reason.
#   tests/support/install.sh             DCMTK, Orthanc, dicom3tools, PixelMed, Redis, PostgreSQL
#   tests/support/install.sh --viewers   DICOMscope, Xvfb and Chromium as well
set -u

packages="dcmtk orthanc orthanc-dicomweb dicom3tools pixelmed-apps default-jre-headless redis-server postgresql"
programs="dcmsend storescp echoscu dsrdump dcmpschk Orthanc dciodvfy dcentvfy DicomSRValidator redis-server initdb"
if [ "${1:-}" = "--viewers" ]; then
    packages="$packages dicomscope xvfb xdotool imagemagick x11-apps chromium"
    programs="$programs dicomscope Xvfb xdotool import chromium"
fi

PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
missing=""
for program in $programs; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
if [ -z "$missing" ]; then
    exit 0
fi
echo "not installed:$missing"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests that need them are skipped; to have them: apt-get install $packages"
    exit 0
fi

# The tests start servers of their own: those that Debian would start with the packages are not wanted.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# One by one where they do not go together: a package that one release lacks shall not cost the others.
apt-get update -q >/dev/null || echo "apt-get update failed"
# shellcheck disable=SC2086  # a list of words
if ! apt-get install -q -y --no-install-recommends $packages >/dev/null; then
    for package in $packages; do
        apt-get install -q -y --no-install-recommends "$package" >/dev/null ||
            echo "$package could not be installed: tests that need it are skipped"
    done
fi
exit 0
