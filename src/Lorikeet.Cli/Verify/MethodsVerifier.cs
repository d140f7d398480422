using Lorikeet.Cli.Verify.Methods;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks the adapter methods one by one, on single layers.</summary>
internal sealed class MethodsVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Area => "methods";

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        using MethodCase @case = new(folder, report);
        switch (@case.Card)
        {
            case "flora":
                FloraCases.Verify(@case);
                break;
            case "nola":
                NolaCases.Verify(@case);
                break;
            case "pissa":
                PissaCases.Verify(@case);
                break;
            default:
                throw new NotSupportedException($"card {@case.Card} is not built yet");
        }
    }
}
