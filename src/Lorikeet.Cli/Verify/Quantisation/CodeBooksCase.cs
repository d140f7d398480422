using System.Globalization;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify.Quantisation;

/// <summary>Code books by name: nfN computed for N bits, and those that bitsandbytes writes down.</summary>
internal static class CodeBooksCase
{
    /// <summary>The file of such a case.</summary>
    public const string File = "codebooks.safetensors";

    /// <summary>Compares all books of a case that is about them.</summary>
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, File));
        foreach (StoredTensor tensor in file.Tensors)
        {
            if (!tensor.Name.StartsWith("nf", StringComparison.Ordinal) || !int.TryParse(tensor.Name.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out int bits))
            {
                report.Unsupported($"the code book {tensor.Name} is not built yet");
                continue;
            }
            Compare(report, tensor.Name, CodeBook.NormalFloat(bits), file, relative, absolute);
        }
    }

    /// <summary>Compares the books of bitsandbytes, which are exact.</summary>
    public static void VerifyStored(string folder, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, File));
        foreach (StoredTensor tensor in file.Tensors)
        {
            CodeBook? book = tensor.Name switch { "nf4" => CodeBook.NF4, "fp4" => CodeBook.FP4, "dynamic8_signed" => CodeBook.Dynamic8, _ => null };
            if (book is null)
            {
                report.Unsupported($"the code book {tensor.Name} is not built yet");
                continue;
            }
            Compare(report, tensor.Name, book, file, 0, 0);
        }
    }

    private static void Compare(CaseReport report, string name, CodeBook book, SafetensorsFile file, double relative, double absolute)
    {
        float[] expected = TrainingReference.Floats(file, name);
        if (relative == 0 && absolute == 0)
        {
            // Zeros of either sign are one number.
            int differ = expected.Length == book.Values.Length ? Enumerable.Range(0, expected.Length).Count(i => book.Values[i] != expected[i]) : expected.Length;
            report.Equal(name, differ == 0, $"{differ} of {expected.Length} numbers differ");
            return;
        }
        report.Each(name, TrainingReference.Wide(book.Values), TrainingReference.Wide(expected), relative, absolute);
    }
}
