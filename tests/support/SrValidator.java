// PixelMed's SR validator on many files in one Java machine: paths on stdin, a line ">>> path" before each answer.
// Run as `java -cp pixelmed.jar SrValidator.java`, which compiles it on the way; see validators.py.

import com.pixelmed.validate.DicomSRValidator;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;

public class SrValidator {
    public static void main(String[] none) throws Exception {
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        DicomSRValidator validator = new DicomSRValidator();
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            out.println(">>> " + path);
            try {
                out.println(validator.validate(path));
            } catch (Exception error) {
                out.println("Error: " + error);
            }
        }
    }
}
