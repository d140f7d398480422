using Lorikeet.Cli.Verify.Linalg;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>linalg</c>: decompositions, transforms, clustering, code tables. What a case is, its tensors say.</summary>
internal sealed class LinalgVerifier : IVerifier
{
    // A tensor's last name that only one kind of case has.
    private static readonly (string Tensor, Action<Matrices, CaseReport> Verify)[] kinds =
    [
        ("Omega", FactorCases.RandomisedSvd),
        ("R", FactorCases.Qr),
        ("S", FactorCases.Svd),
        ("row_of", FactorCases.Lu),
        ("eigenvalues", FactorCases.Symmetric),
        ("inverse_sqrt", FactorCases.Roots),
        ("polar", OrthogonalCases.NewtonSchulz),
        ("skew", OrthogonalCases.Cayley),
        ("reflectors", OrthogonalCases.Products),
        ("theta", OrthogonalCases.Products),
        ("fft_re", TransformCases.Fourier),
        ("delta", TransformCases.Fourier),
        ("centres", TransformCases.KMeans),
        ("matrix2", TransformCases.Hadamard),
        ("table", TransformCases.NormalFloat),
    ];

    /// <inheritdoc/>
    public string Area => "linalg";

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "data.safetensors"));
        Matrices matrices = new(file, Path.Combine(folder, "case.json"));
        foreach ((string tensor, Action<Matrices, CaseReport> verify) in kinds)
        {
            if (file.Tensors.Any(t => t.Name == tensor || t.Name.EndsWith("." + tensor, StringComparison.Ordinal)))
            {
                verify(matrices, report);
                report.Equal("tensors", matrices.Unread.Count == 0, $"not compared: {string.Join(", ", matrices.Unread.Take(5))}");
                return;
            }
        }
        throw new NotSupportedException($"a case with tensors {string.Join(", ", file.Tensors.Take(5).Select(t => t.Name))} is of no kind that this version knows");
    }
}
